"""Whatever leaves this machine: requests to addresses that people have given us. Decides nothing."""
