"""Statistics: numbers in, numbers out. No method knows what is released, where counts come from, or what time it is."""
