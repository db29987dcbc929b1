"""A server that other processes and machines use too: connections, transactions, notices."""
