"""What a person looks at after training: plots and one HTML page."""
