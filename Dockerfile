# syntax=docker/dockerfile:1
FROM python:3.13-slim AS build
WORKDIR /app
COPY requirements.txt ./
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements.txt

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /data kiro2api \
    && install -d -o kiro2api -g kiro2api /data
WORKDIR /app
COPY --from=build /venv /venv
COPY manage.py ./
COPY kiro2api kiro2api
COPY accounts accounts
COPY clients clients
COPY proxy proxy
COPY dashboard dashboard
COPY templates templates
COPY locale locale
COPY deploy/entrypoint deploy/entrypoint
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 PORT=8080 DATA_DIR=/data
USER kiro2api
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["python", "manage.py", "healthcheck"]
ENTRYPOINT ["deploy/entrypoint"]
