"""What somebody changes of themselves: name, password, the browsers and programs that are signed in for them."""
