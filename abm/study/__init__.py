"""Many runs: the arms and replicates of an experiment, on several processes, resumable."""
