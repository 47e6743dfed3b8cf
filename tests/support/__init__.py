"""Real servers and programs that the tests drive."""
