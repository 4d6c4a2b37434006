"""What is wrong with a set of pairs: checks, flags, near duplicates."""
