# docker build -t fw-mcp .
# docker run -i --rm -e FINERWORKS_WEB_API_KEY -e FINERWORKS_APP_KEY -v fw-mcp:/var/lib/fw-mcp fw-mcp
# docker run -i --rm fw-mcp --sandbox
# docker run --rm -p 127.0.0.1:8000:8000 -e FW_MCP_HTTP=0.0.0.0:8000 -e FW_MCP_HTTP_TOKEN fw-mcp --sandbox
#
# It runs as user 10001. Any other (docker run --user 1000:0, OpenShift's own, runAsUser) writes to
# the volume as long as its group is 0; with another group reading works, and writes are refused by
# name of the store. docs/container.md says more.

# Any image with Python 3.11 or newer, pip, and Debian's useradd; pin it by digest where it matters.
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
# Behind a proxy that signs with its own authority: docker build --secret id=ca,src=ca.pem .
COPY requirements/upload.txt requirements/postgres.txt requirements/build.txt requirements/
# All of it becomes wheels here, so that what builds them is not shipped: pyvips comes as source.
RUN --mount=type=secret,id=ca \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi \
 && python -m pip install --no-deps --only-binary=:all: --require-hashes -r requirements/build.txt \
 && python -m pip wheel --no-deps --only-binary=:all: --no-binary=pyvips --no-build-isolation --require-hashes -w wheels -r requirements/upload.txt \
 && python -m pip wheel --no-deps --only-binary=:all: --require-hashes -w wheels -r requirements/postgres.txt \
 && python -m venv --without-pip /opt/fw-mcp \
 && python -m pip --python /opt/fw-mcp/bin/python install --no-deps --no-index wheels/*.whl \
 && python -m pip --python /opt/fw-mcp/bin/python check
COPY pyproject.toml README.md LICENSE ./
COPY prompts prompts
COPY packaging/metadata.py packaging/
COPY fw_mcp fw_mcp
# A label cannot be read from the code: a version that is given must be the code's own.
ARG VERSION=
RUN python -m hatchling build -t wheel -d dist \
 && python -m pip --python /opt/fw-mcp/bin/python install --no-deps --no-index dist/*.whl \
 && if [ -n "${VERSION}" ]; then test "$(/opt/fw-mcp/bin/fw-mcp --version)" = "fw-mcp ${VERSION}"; fi
COPY packaging/health.py /opt/fw-mcp/health.py

FROM ${PYTHON_IMAGE}
# Some bases come without the bytecode of Python itself, which no start here can keep.
RUN useradd --system --uid 10001 --no-create-home --home-dir /var/lib/fw-mcp fw-mcp \
 && install --directory --owner fw-mcp --group 0 --mode 0770 /var/lib/fw-mcp \
 && python -m compileall -q -x "/(site|dist)-packages/|/test/" "$(python -c 'import os; print(os.path.dirname(os.__file__))')"
COPY --from=build /opt/fw-mcp /opt/fw-mcp
ENV PATH=/opt/fw-mcp/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    FW_MCP_STORE=/var/lib/fw-mcp/store.sqlite3
USER 10001
# A user that may not enter the volume still starts.
WORKDIR /
EXPOSE 8000
# Over stdio there is nothing to ask, and it is healthy while it runs.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["python", "-I", "/opt/fw-mcp/health.py"]
# Plans, used answers and the journal: keep it, or the hourly limit forgets.
VOLUME /var/lib/fw-mcp
ENTRYPOINT ["fw-mcp"]
# Last, so that another revision leaves the layers above as they are.
ARG VERSION= REVISION= CREATED=
LABEL io.modelcontextprotocol.server.name="io.github.OWNER/fw-mcp" \
      org.opencontainers.image.title="fw-mcp" \
      org.opencontainers.image.description="MCP server that lets an AI assistant manage a FinerWorks image library safely." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.url="https://github.com/OWNER/fw-mcp" \
      org.opencontainers.image.source="https://github.com/OWNER/fw-mcp" \
      org.opencontainers.image.documentation="https://github.com/OWNER/fw-mcp#readme" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
