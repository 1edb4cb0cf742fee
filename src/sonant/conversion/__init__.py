"""Voice conversion without torch: one voice's words in another voice, and the marks that say so."""
