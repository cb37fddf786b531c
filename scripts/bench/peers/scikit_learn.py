"""Microseconds per row scored by scikit-learn's detectors, with the options of the case detectors; float32 as a user would give."""

import time

import numpy
from sklearn import decomposition, ensemble, mixture, neighbors, svm
from sklearn.covariance import MinCovDet
from trial import calibrated, serve_rows


def rows_of(random, count, columns):
    """Neighbouring columns are correlated (.6), so that no covariance is a diagonal."""
    values = random.standard_normal((count, columns))
    for j in range(1, columns):
        values[:, j] = 0.6 * values[:, j - 1] + 0.8 * values[:, j]
    return values.astype(numpy.float32)


def residual(model):
    def score(x):
        return numpy.square(x - model.inverse_transform(model.transform(x))).sum(1)

    return score


def detector_of(kind, options, columns):
    """The estimator and what scores with it, or nothing where scikit-learn has no such detector."""
    if kind == "knn":
        model = neighbors.NearestNeighbors(n_neighbors=options["k"])
        return model, lambda x: model.kneighbors(x)[0][:, -1]
    if kind == "diffusionTime":
        model = neighbors.NearestNeighbors(n_neighbors=5)
        return model, lambda x: numpy.square(model.kneighbors(x)[0]).mean(1)
    if kind == "lof":
        model = neighbors.LocalOutlierFactor(n_neighbors=options["k"], novelty=True)
        return model, lambda x: -model.score_samples(x)
    if kind == "isolationForest":
        model = ensemble.IsolationForest(random_state=1)
        return model, lambda x: -model.score_samples(x)
    if kind == "pca":
        model = decomposition.PCA(n_components=0.9)
        return model, residual(model)
    if kind == "gaussianMixture":
        model = mixture.GaussianMixture(5, reg_covar=0.03, random_state=1)
        return model, lambda x: -model.score_samples(x)
    if kind == "oneClassSvm":
        model = svm.OneClassSVM(nu=0.5, gamma=1 / columns)
        return model, lambda x: -model.score_samples(x)
    if kind == "minimumCovarianceDeterminant":
        model = MinCovDet(random_state=1)
        return model, model.mahalanobis
    return None


def prepare(row):
    made = detector_of(row["kind"], row["detector"], row["columns"])
    if made is None:
        return None, {"unsupported": f"scikit-learn has no {row['kind']}"}
    model, score = made
    random = numpy.random.default_rng(1)
    training = rows_of(random, row["rows"], row["columns"])
    batch = rows_of(random, row["rows"], row["columns"])
    began = time.perf_counter()
    model.fit(training)
    fit_seconds = time.perf_counter() - began

    def run(count):
        started = time.perf_counter()
        for _ in range(count):
            score(batch)
        return time.perf_counter() - started

    count = calibrated(run, row["seconds"], 1)
    return lambda: {"value": run(count) / count / row["rows"] * 1e6}, {"fitSeconds": fit_seconds}


serve_rows(prepare)
