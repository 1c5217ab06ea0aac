"""What the schema cannot know: names, dimensions, rules, times, geometry, plausibility."""
