"""The hand-out: what an integrator sees behind a link, without an account."""
