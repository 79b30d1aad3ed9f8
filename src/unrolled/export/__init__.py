"""Models in forms that run without this library: one HTML page with the model inside."""
