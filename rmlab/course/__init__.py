"""Code that only the notebooks need: checks of exercises, studies of effort and of patches, and the fault lab."""
