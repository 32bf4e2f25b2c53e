"""The commands of `gan-jax`: a dataclass each, whose fields are its flags."""
