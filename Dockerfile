# The pipeline in an image of its own (last stage), and the MLflow server of compose.yaml (`server`).
# docs/container.md says how to use them. No secret is needed to build, and none is kept.
FROM python:3.12-slim AS server
COPY requirements-server.lock /tmp/
RUN pip install --no-cache-dir --require-hashes -r /tmp/requirements-server.lock \
    && useradd --create-home --uid 1000 mammo \
    && install -d -o mammo /mlflow
USER 1000
# The users of MLflow's basic-auth are in a file here.
WORKDIR /mlflow
ENV MLFLOW_DISABLE_TELEMETRY=true DO_NOT_TRACK=true

FROM python:3.12-slim
# requirements-gpu.lock brings TensorFlow with CUDA; run it with --gpus all.
ARG LOCK=requirements.lock
# A pinned version of make would be gone from the mirrors at the next release of Debian.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends make \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 mammo \
    && install -d -o mammo /srv/mammo /srv/mammo/data /srv/mammo/runs
WORKDIR /srv/mammo
USER 1000
COPY --chown=mammo ${LOCK} requirements-setup.lock scripts/set_up.sh ./
# As `make setup` does it, so that make finds the environment done.
RUN bash set_up.sh .venv ${LOCK} && rm set_up.sh
COPY --chown=mammo . .
RUN touch .venv/installed
VOLUME ["/srv/mammo/data", "/srv/mammo/runs"]
ENTRYPOINT ["make"]
CMD ["help"]
