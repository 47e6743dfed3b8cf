# The image of DeployStack. How to use it: docs/how-to/containers.md
#
# Code, environment and data are where deploy/deploystack.service has them, too.

FROM python:3.13.11-slim-trixie AS build
WORKDIR /opt/deploystack
ENV PATH=/opt/deploystack/.venv/bin:$PATH \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore
# First what changes seldom, so that a build after a change of the code is quick.
COPY requirements.lock ./
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m venv .venv \
    && pip install --require-hashes --no-deps -r requirements.lock
COPY LICENSE pyproject.toml setup.cfg wsgi.py ./
COPY migrations migrations
COPY deploystack deploystack
COPY deploy/healthcheck.py deploy/
# However private the files of the checkout are, the user below reads them.
RUN pip install --no-cache-dir --no-deps --no-build-isolation -e . \
    && python -m compileall -q deploystack migrations wsgi.py \
    && chmod -R a+rX .

FROM python:3.13.11-slim-trixie
LABEL org.opencontainers.image.title="DeployStack" \
      org.opencontainers.image.description="A Flask backend that sets up its own database on the first run" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT"
# SQLite sorts what is large in files, for which the memory behind /tmp may not do.
# Whoever asks comes from outside of the container, so setup asks everybody for the token. Which is no
# secret itself:
# hadolint ignore=DL3064
ENV PATH=/opt/deploystack/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 \
    PORT=3000 \
    DEPLOYSTACK_DATA_DIR=/var/lib/deploystack \
    DEPLOYSTACK_SETUP_TOKEN_MODE=always \
    SQLITE_TMPDIR=/var/lib/deploystack
WORKDIR /opt/deploystack
COPY --from=build /opt/deploystack ./
# A new volume takes the owner and the mode of the folder it is mounted at.
RUN install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/deploystack
USER 10001:10001
VOLUME /var/lib/deploystack
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-I", "deploy/healthcheck.py"]
CMD ["python", "-m", "deploystack"]
