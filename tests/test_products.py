"""A layer's product: its values and derivatives are the plain one's, however they are had."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.networks.products import FEW, LONG, SHORT, product

KEY = jax.random.key(11)
# The parabola's layers, then both sides of every limit; the last is the plain product throughout.
SHAPES = [
    (1, 25),
    (2, 15),
    (15, 5),
    (25, 2),
    (1, 1),
    (3, 1),
    (FEW, 3),
    (FEW + 1, 2),
    (SHORT, LONG),
    (LONG, SHORT),
    (SHORT, LONG + 1),
    (SHORT + 1, SHORT + 1),
    (LONG + 1, FEW + 1),
]


def operands(outputs, inputs, batch=16):
    kernel_key, columns_key = jax.random.split(KEY)
    kernel = jax.random.normal(kernel_key, (outputs, inputs))
    return kernel, jax.random.normal(columns_key, (inputs, batch))


def scalar(times):
    # Curved, so that second derivatives mix both operands.
    return lambda kernel, columns: jnp.sin(times(kernel, columns)).sum()


@pytest.mark.parametrize("outputs, inputs", SHAPES)
def test_values_and_gradients_of_both_operands(outputs, inputs):
    given = operands(outputs, inputs)
    np.testing.assert_allclose(product(*given), given[0] @ given[1], rtol=1e-5, atol=1e-5)
    own = jax.jit(jax.grad(scalar(product), (0, 1)))(*given)
    plain = jax.jit(jax.grad(scalar(jnp.matmul), (0, 1)))(*given)
    for one, other in zip(own, plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "outputs, inputs, products",
    [
        # The value, the columns' gradient, and the kernel's; 0 for a sum written out.
        (3, 1, 0 + 0 + 1),
        (2, 2, 0 + 0 + 2),
        (FEW, 2, 0 + 0 + 2),
        (FEW, 3, 1 + 0 + 3),
        (FEW + 1, 2, 1 + 1 + 2),
        (2, 15, 1 + 0 + 2),
        (SHORT, LONG, 1 + 0 + SHORT),
        (LONG, SHORT, 1 + 1 + SHORT),
        (SHORT, LONG + 1, 1 + 0 + 1),
        (SHORT + 1, SHORT + 1, 1 + 0 + 1),
        (LONG + 1, FEW + 1, 1 + 1 + 1),
    ],
)
def test_how_many_products_value_and_gradients_are(outputs, inputs, products):
    given = operands(outputs, inputs)
    lowered = jax.jit(jax.value_and_grad(scalar(product), (0, 1))).lower(*given)
    assert lowered.as_text().count("stablehlo.dot_general") == products


def test_a_gradient_by_hand():
    # y = 2 x1 + 3 x2, and twice that: a cotangent (1, 1) comes back as (2 + 4, 3 + 6).
    kernel, columns = jnp.array([[2.0, 3.0], [4.0, 6.0]]), jnp.array([[5.0], [7.0]])
    value, back = jax.vjp(product, kernel, columns)
    of_kernel, of_columns = back(jnp.ones((2, 1)))
    np.testing.assert_array_equal(value, [[31.0], [62.0]])
    np.testing.assert_array_equal(of_columns, [[6.0], [9.0]])
    np.testing.assert_array_equal(of_kernel, [[5.0, 7.0], [5.0, 7.0]])


@pytest.mark.parametrize("outputs, inputs", SHAPES)
def test_gradients_of_every_seed_are_its_own(outputs, inputs):
    kernel, columns = operands(outputs, inputs)
    kernels, batches = jnp.stack([kernel, -kernel]), jnp.stack([columns, 2 * columns])
    gradient = jax.jit(jax.grad(scalar(product), (0, 1)))
    together = jax.jit(jax.vmap(gradient))(kernels, batches)
    for lane in range(2):
        apart = gradient(kernels[lane], batches[lane])
        for one, other in zip(together, apart, strict=True):
            np.testing.assert_allclose(one[lane], other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("outputs, inputs", [(3, 2), (2, 3), (FEW + 1, 2), (6, 6)])
def test_second_derivatives_in_either_mode(outputs, inputs):
    # Penalties differentiate a gradient backwards, spectra forwards.
    given = operands(outputs, inputs, batch=2)
    own, plain = scalar(product), scalar(jnp.matmul)
    for second in (jax.hessian, lambda f, which: jax.jacrev(jax.grad(f, which), which)):
        for one, other in zip(
            jax.tree.leaves(jax.jit(second(own, (0, 1)))(*given)),
            jax.tree.leaves(jax.jit(second(plain, (0, 1)))(*given)),
            strict=True,
        ):
            np.testing.assert_allclose(one, other, atol=1e-4)
