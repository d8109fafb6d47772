# docker build -t fw-mcp .
# docker run -i --rm -e FINERWORKS_WEB_API_KEY -e FINERWORKS_APP_KEY -v fw-mcp:/var/lib/fw-mcp fw-mcp
# docker run -i --rm fw-mcp --sandbox
#
# It runs as user 10001. Any other (docker run --user 1000:0, OpenShift's own, runAsUser) writes to
# the volume as long as its group is 0; with another group reading works, and writes are refused by
# name of the store.

# Any image with Python 3.11 or newer, pip, and Debian's useradd; pin it by digest where it matters.
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY requirements/upload.txt requirements/postgres.txt requirements/build.txt requirements/
# All of it becomes wheels here, so that what builds them is not shipped: pyvips comes as source.
RUN python -m pip install --no-deps --only-binary=:all: --require-hashes -r requirements/build.txt \
 && python -m pip wheel --no-deps --only-binary=:all: --no-binary=pyvips --no-build-isolation --require-hashes -w wheels -r requirements/upload.txt \
 && python -m pip wheel --no-deps --only-binary=:all: --require-hashes -w wheels -r requirements/postgres.txt \
 && python -m venv --without-pip /opt/fw-mcp \
 && python -m pip --python /opt/fw-mcp/bin/python install --no-deps --no-index wheels/*.whl \
 && python -m pip --python /opt/fw-mcp/bin/python check
COPY pyproject.toml README.md LICENSE ./
COPY prompts prompts
COPY packaging/metadata.py packaging/
COPY fw_mcp fw_mcp
RUN python -m hatchling build -t wheel -d dist \
 && python -m pip --python /opt/fw-mcp/bin/python install --no-deps --no-index dist/*.whl

FROM ${PYTHON_IMAGE}
LABEL io.modelcontextprotocol.server.name="io.github.OWNER/fw-mcp" \
      org.opencontainers.image.title="fw-mcp" \
      org.opencontainers.image.description="Safe hands on a FinerWorks image library, over MCP." \
      org.opencontainers.image.licenses="MIT"
RUN useradd --system --uid 10001 --no-create-home --home-dir /var/lib/fw-mcp fw-mcp \
 && install --directory --owner fw-mcp --group 0 --mode 0770 /var/lib/fw-mcp
COPY --from=build /opt/fw-mcp /opt/fw-mcp
ENV PATH=/opt/fw-mcp/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    FW_MCP_STORE=/var/lib/fw-mcp/store.sqlite3
USER 10001
WORKDIR /var/lib/fw-mcp
# Plans, used answers and the journal: keep it, or the hourly limit forgets.
VOLUME /var/lib/fw-mcp
ENTRYPOINT ["fw-mcp"]
