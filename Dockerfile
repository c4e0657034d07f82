# syntax=docker/dockerfile:1
FROM python:3.13-slim AS build
WORKDIR /app
COPY deploy/make-venv deploy/make-venv
COPY requirements.txt ./
RUN deploy/make-venv python3 requirements.txt
COPY manage.py ./
COPY kiro2api kiro2api
COPY accounts accounts
COPY clients clients
COPY proxy proxy
COPY dashboard dashboard
COPY templates templates
COPY locale locale
COPY deploy/entrypoint deploy/entrypoint
COPY deploy/trim deploy/trim
RUN deploy/trim

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin kiro2api \
    && install -d -o kiro2api -g kiro2api -m 700 /data
WORKDIR /app
# Owned by root: the program can change nothing of itself. It writes to /data and /tmp.
COPY --from=build /app ./
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 PORT=8080 DATA_DIR=/data
USER 10001
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["python", "manage.py", "healthcheck"]
ENTRYPOINT ["deploy/entrypoint"]
