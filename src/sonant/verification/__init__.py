"""Is this the same person? Trials, error rates, calibration, score norms and fusion; numpy only.

    trials.py        who is compared with whom
    rates.py         EER, minDCF, Cllr, minCllr and DET points of scores
    pav.py           the best calibration that scores allow, and isotonic regression
    intervals.py     how sure a rate is, redrawing speakers
    figures.py       all of them at once, for a table
    calibration.py   scores as log-likelihood ratios; quality.py: what else tells how far to trust one
    norms.py         cosines, and scores against a cohort
    plda.py          a Gaussian model of embeddings
    fusion.py        several systems as one

A trial is a pair of recordings; `same` says whether one person speaks in both. Scores are [trials], higher
for the same person. LLR stands for log-likelihood ratio, in nats. Rates are shares from 0 to 1.
"""
