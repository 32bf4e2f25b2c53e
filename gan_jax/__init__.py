"""gan_jax: a laboratory for the stability of GAN training."""
