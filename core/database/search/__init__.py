"""Search in texts as people type: any part of words, in any order, accents and case aside."""
