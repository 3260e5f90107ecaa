"""The examples as test cases, by family."""
