"""Objects for the tests of addons."""
