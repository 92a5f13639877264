# Frontdesk in one container: on SQLite, or one of several hubs on PostgreSQL. Data lives in /data; mount it.
FROM node:22-slim AS browser
WORKDIR /src/widget
COPY widget/package.json widget/package-lock.json widget/.npmrc ./
RUN npm ci --no-audit --no-fund
COPY widget/ ./
RUN npm run build

FROM python:3.12-slim
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY models/ models/
COPY bots/ bots/
COPY channels/ channels/
COPY hub/ hub/
COPY --from=browser /src/widget/dist widget/dist
RUN pip install --no-cache-dir --constraint constraints.txt ".[scale]" && rm -rf /src
RUN useradd --create-home --uid 10001 frontdesk && install --directory --owner frontdesk --mode 0700 /data
USER frontdesk
WORKDIR /home/frontdesk
ENV FRONTDESK_VAR=/data FRONTDESK_HOST=0.0.0.0 FRONTDESK_PORT=8000
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health/ready', timeout=4)"]
STOPSIGNAL SIGTERM
CMD ["frontdesk", "serve"]
