"""Text search by parts of words in any order, ignoring accents and case."""
