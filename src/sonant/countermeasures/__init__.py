"""One answer about a voice: is it the same one, was it forged, was it made to fool the model? No torch.

    guards.py     a spoof and an adversarial detector: what each says of a clip, and from when on it objects
    answer.py     their word and that of a speaker model in one answer
    guarded.py    from files to that answer, the clip under test read once

Both detectors are bundles of the task spoofing, and differ in what they were trained on: forged voices, or
attacks. LLR stands for log-likelihood ratio, in nats; the detectors' are higher for bona fide speech.
"""
