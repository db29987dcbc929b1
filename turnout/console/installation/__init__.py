"""How the installation is: whether it stores, where, what doctor finds, how people sign in."""
