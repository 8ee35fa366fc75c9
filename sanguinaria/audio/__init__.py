"""Audio as files and arrays: reading, utterance tables, resampling, filters, codecs, vocoder, speech synthesis."""
