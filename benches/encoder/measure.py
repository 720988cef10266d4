"""Measures the text encoder against the cosine it estimates and against TF-IDF. See run.sh."""

import pathlib
import re
import subprocess
import sys

import numpy as np
import scipy.sparse as sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import FeatureUnion

DOCUMENTS_LEAST = 32_768  # what a space holds
SAMPLE = 200  # descriptions that serve as queries
TOP = 10
OVERLAP_LEAST = 0.7
# Character n-grams of the TF-IDF peer; the first, the encoder's own, are the bar.
GRAMS = [(3, 3), (3, 5), (2, 4), (1, 3)]


def catalogue(path):
    """(name, description) of each package: synopsis and, where the file has it, the long text."""
    packages = []
    for stanza in pathlib.Path(path).read_text(encoding="utf-8").split("\n\n"):
        name = re.search(r"^Package: (.*)$", stanza, re.M)
        text = re.search(r"^Description(?:-en)?: (.*(?:\n .*)*)", stanza, re.M)
        if name and text:
            packages.append((name[1], re.sub(r"\n (?:\.$)?", "\n", text[1], flags=re.M)))
    return packages


def encode(encoder, mode, texts):
    """What the encoder writes for the texts."""
    given = "".join(text + "\0" for text in texts).encode()
    return subprocess.run([encoder, mode], input=given, stdout=subprocess.PIPE, check=True).stdout


def fingerprints(encoder, texts):
    """An array of 160 words a text."""
    return np.frombuffer(encode(encoder, "fingerprints", texts), dtype="<u8").reshape(-1, 160)


def features(encoder, texts, columns):
    """A row of weights a text; `columns` gives each hash its column, and grows."""
    data, indices, starts = [], [], [0]
    for line in encode(encoder, "features", texts).decode().split("\n")[:-1]:
        for feature in line.split():
            hash_, weight = feature.split(":")
            indices.append(columns.setdefault(hash_, len(columns)))
            data.append(float(weight))
        starts.append(len(indices))
    return data, indices, starts


def unit_rows(parts, width):
    """The features as a sparse matrix whose rows have length 1."""
    matrix = sparse.csr_matrix(parts, shape=(len(parts[2]) - 1, width))
    lengths = np.sqrt(matrix.multiply(matrix).sum(axis=1)).A1
    return sparse.diags(1 / np.maximum(lengths, 1e-12)) @ matrix


def best(scores, without=None):
    """The indices of the highest scores, equal ones in the order of the documents."""
    scores = np.round(scores, 9)
    if without is not None:
        scores[without] = -np.inf
    least = np.partition(scores, -TOP)[-TOP]
    candidates = np.flatnonzero(scores >= least)
    return candidates[np.lexsort((candidates, -scores[candidates]))][:TOP]


def nearest(query, documents, without=None):
    distances = np.bitwise_count(documents ^ query).sum(axis=1)
    return best(-distances.astype(float), without)


def overlap(matrix, stored):
    """Mean share of the ten nearest by Hamming distance among the ten of the highest cosine."""
    shares = []
    for query in np.random.default_rng(2026).choice(len(stored), SAMPLE, replace=False):
        cosine = best((matrix @ matrix[query].T).toarray().ravel(), query)
        shares.append(len(set(cosine) & set(nearest(stored[query], stored, query))) / TOP)
    return np.mean(shares)


def questions(names):
    """Each query with whether each package is an acceptable answer."""
    for line in pathlib.Path(__file__).with_name("queries.tsv").read_text().splitlines():
        if not line.startswith("#"):
            query, answers = line.split("\t")
            pattern = re.compile(answers)
            yield query, np.array([bool(pattern.fullmatch(name)) for name in names])


def answered(rankings, accepted):
    """hit@10, MRR@10 and precision@10."""
    right = [accept[ranking] for ranking, accept in zip(rankings, accepted)]
    hit = np.mean([one.any() for one in right])
    mrr = np.mean([1 / (one.argmax() + 1) if one.any() else 0 for one in right])
    return hit, mrr, np.mean(right)


def tf_idf(texts, queries, grams):
    """The ten documents of the highest TF-IDF cosine over words and character n-grams, for each query."""
    union = FeatureUnion([
        ("words", TfidfVectorizer()),
        ("grams", TfidfVectorizer(analyzer="char_wb", ngram_range=grams)),
    ])
    documents = union.fit_transform(texts)
    return [best(row) for row in (union.transform(queries) @ documents.T).toarray()]


def main(encoder, path):
    names, texts = zip(*catalogue(path))
    if len(texts) < DOCUMENTS_LEAST:
        sys.exit(f"{path} has {len(texts)} packages, the measure needs {DOCUMENTS_LEAST}")
    length = np.mean([len(text.encode()) for text in texts])
    print(f"{len(texts)} descriptions, {length:.0f} bytes each on average, {len(set(texts))} distinct")
    print(encode(encoder, "speed", texts).decode(), end="")
    stored = fingerprints(encoder, texts)

    queries, accepted = zip(*questions(names))
    columns = {}
    parts, asked = (features(encoder, some, columns) for some in (texts, queries))
    matrix, asked = (unit_rows(one, len(columns)) for one in (parts, asked))
    share, count = overlap(matrix, stored), len(parts[0]) / len(texts)
    print(f"(a) overlap@{TOP} of Hamming and exact cosine, {SAMPLE} descriptions as queries, "
          f"{count:.0f} features each on average: {share:.3f} (at least {OVERLAP_LEAST})")

    print(f"(b) {len(queries)} written queries                       hit@{TOP}  MRR@{TOP}  precision@{TOP}")
    ours = [nearest(one, stored) for one in fingerprints(encoder, queries)]
    exact = [best(row) for row in (asked @ matrix.T).toarray()]
    rows = [
        ("Ladybug, Hamming", answered(ours, accepted)),
        ("Ladybug, exact cosine", answered(exact, accepted)),
    ]
    for grams in GRAMS:
        measured = answered(tf_idf(texts, queries, grams), accepted)
        rows.append((f"TF-IDF, words and {grams[0]}–{grams[1]}-grams", measured))
    for row, (hit, mrr, precision) in rows:
        print(f"    {row:40} {hit:9.2f} {mrr:7.3f} {precision:13.3f}")

    (our_hit, our_mrr, _), (peer_hit, peer_mrr, _) = rows[0][1], rows[2][1]
    passed = share >= OVERLAP_LEAST and our_hit >= peer_hit and our_mrr >= peer_mrr
    print("passed" if passed else "FAILED")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
