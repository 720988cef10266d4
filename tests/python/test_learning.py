"""LEARNING on real data: a classifier of scikit-learn's handwritten digits, by methods alone."""

import numpy
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

EPOCHS_MAX = 15
WANTED = 0.95


def piped(client, commands):
    """The replies of many commands in one pipeline; CAM stays out of MULTI."""
    with client.pipeline(transaction=False) as pipeline:
        for command in commands:
            pipeline.execute_command(*command)
        return pipeline.execute()


def fingerprints(client, images):
    """Images as the vector encoder sees them: 64 pixels from 0 to 16."""
    vectors = images.astype("<f4")
    return piped(client, [("CAM.VSA.PROJECT", "VECTOR", vector.tobytes()) for vector in vectors])


def cell(reply, column):
    """A column of the only row of a reply, which RESP3 answers as a map."""
    [only] = reply
    return only[column]


def share_right(client, bits, digits):
    taken = piped(client, [("CAM.LEARNING.CLASSIFY", "FP", each) for each in bits])
    names = [cell(reply, b"name").decode() for reply in taken]
    return numpy.mean([name == f"digit {digit}" for name, digit in zip(names, digits)])


def test_digits_are_told_apart_after_retraining(server):
    images, digits = load_digits(return_X_y=True)
    known, unseen, of_known, of_unseen = train_test_split(
        images, digits, test_size=0.2, random_state=7, stratify=digits
    )
    with server.client(protocol=3, decode_responses=False) as client:
        bits, unseen = fingerprints(client, known), fingerprints(client, unseen)
        example = list(zip((f"digit {digit}" for digit in of_known), bits))
        piped(client, [("CAM.LEARNING.TRAIN", name, "FP", each) for name, each in example])
        before = share_right(client, unseen, of_unseen)
        for _ in range(EPOCHS_MAX):
            replies = piped(client, [("CAM.LEARNING.RETRAIN", name, "FP", each) for name, each in example])
            errors = sum(bool(cell(reply, b"is_error")) for reply in replies)
            if errors < len(example) / 100:
                break
        after = share_right(client, unseen, of_unseen)
    assert before > 0.8
    assert after >= WANTED, f"{before:.3f}, then {after:.3f} with {errors} errors left"
