"""What eigenvalues say of stability, by hand: rotation, critical steps, amplifications."""

import numpy as np

from gan_jax.analysis import stability


def test_a_zero_sum_bilinear_game_only_rotates_and_a_gradient_flow_only_contracts():
    matrices = np.array([[[0.0, 1.0], [-1.0, 0.0]], [[-2.0, 0.3], [0.3, -1.0]], [[0.0, 0], [0, 0]]])
    np.testing.assert_allclose(stability.rotation_share(matrices), [1, 0, np.nan])


def test_the_step_contracts_where_the_amplification_says():
    # Eigenvalue a = -0.2 + 0.5i: 2 |Re| / |a|^2 = 0.4 / 0.29.
    a = np.array([[-0.2 + 0.5j, -0.2 - 0.5j]])
    critical = stability.critical_step_size(a)[0]
    np.testing.assert_allclose(critical, 0.4 / 0.29)
    at = stability.AMPLIFICATIONS["simultaneous"]
    assert at(0.99 * critical * a).max() < 1 < at(1.01 * critical * a).max()
    # Extragradient and optimistic on the imaginary axis: h w = 1 and 1/sqrt(3).
    for rule, limit in (("extragradient", 1.0), ("optimistic", 1 / np.sqrt(3))):
        at = stability.AMPLIFICATIONS[rule]
        assert at(np.array(0.99j * limit)) < 1 < at(np.array(1.01j * limit))
        np.testing.assert_allclose(at(np.array(1j * limit)), 1)
    rotating, flat = np.array([[0.5j, -0.5j]]), np.array([[-1.0 + 0j, 1e-14]])
    assert stability.critical_step_size(rotating)[0] == 0
    assert stability.critical_step_size(flat)[0] == 2  # a flat direction does not count


def test_momentum_and_optimistic_optimisers_have_amplifications_of_their_own():
    def largest(matrix):
        return abs(np.linalg.eigvals(matrix)).max()

    z, beta = 0.3j - 0.1, 0.6
    heavy = stability.amplification("simultaneous", "momentum", beta)
    # x' = x + z x + beta (x - x_old), as a map of (x, x_old).
    np.testing.assert_allclose(heavy(np.array(z)), largest([[1 + z + beta, -beta], [1, 0]]))
    ahead = stability.amplification("simultaneous", "optimistic_sgd", beta)
    np.testing.assert_allclose(ahead(np.array(z)), largest([[1 + 2 * z, -z], [1, 0]]))
    assert stability.amplification("extragradient", "momentum", beta) is None
    assert stability.amplification("alternating", "sgd", beta) is None
