"""What a version is: kinds, tags, specs, metrics and samples; values without I/O."""
