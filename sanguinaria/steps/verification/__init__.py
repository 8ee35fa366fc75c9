"""Steps of speaker verification: trials, attacked audio, embeddings, trial scores and audio quality."""
