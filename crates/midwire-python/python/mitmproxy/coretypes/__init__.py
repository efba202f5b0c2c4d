"""Base types of the values that flows are made of."""
