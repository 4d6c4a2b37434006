"""What only the notebooks need: the checks of exercises, the studies of effort and of patches, the fault lab."""
