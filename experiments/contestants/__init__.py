"""What `experiments/benchmark.py` compares: one file a contestant, each a process of its own.

`works` says what is trained and counts its operations, `protocol` how a contestant is spoken to;
neither imports a framework.
"""
