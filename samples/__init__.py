"""Programs to try the platform with."""
