"""What every page that a browser shows shares: its files, its headers, and links that hold under any path."""
