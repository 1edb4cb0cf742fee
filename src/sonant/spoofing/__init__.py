"""Is it a person who speaks? A detector's answers, their worth, and whether data can be trusted. No torch.

    detector.py      a bundle that answers: p_spoof and llr_bonafide of a clip
    calibrating.py   what its scores mean, stored in the next version of the bundle
    conditions.py    which attack, which codec: columns of a table besides those of a manifest
    scoring.py       error rates with their intervals, over all and by condition
    page.py          those as a page
    nuisance.py      what a clip is like besides the speech in it
    auditing.py      whether that alone tells the labels apart, which it must not
    replaying.py     speech by a loudspeaker, and the same without one
    equalising.py    clips made alike in silence, level, rate and length

LLR stands for log-likelihood ratio, in nats, and is higher for bona fide speech.
"""
