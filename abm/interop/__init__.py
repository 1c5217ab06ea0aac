"""Other tools' ways of looking at the same model: the Mesa face."""
