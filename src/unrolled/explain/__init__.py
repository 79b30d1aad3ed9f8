"""What a network read, step by step: its states, what each word did, and the arithmetic itself."""
