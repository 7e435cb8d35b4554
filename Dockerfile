# One peer in a container; docs/DOCKER.md says how to run it. No test builds this image.
ARG NODE=26

FROM node:${NODE}-trixie AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# better-sqlite3 is compiled here where no prebuilt binary can be fetched; the image above has the compiler.
RUN npm ci --no-audit --no-fund
COPY . .
# What `npm pack` would ship, with the libraries of the lockfile beside it.
RUN npx --no-install tsc -b src simulator \
    && npm pack --ignore-scripts --silent \
    && npm prune --omit=dev --no-audit --no-fund \
    && mkdir /opt/banyan \
    && tar -xzf banyan-*.tgz --strip-components=1 -C /opt/banyan \
    && mv node_modules /opt/banyan/ \
    && chmod +x /opt/banyan/dist/src/main.js

FROM node:${NODE}-trixie-slim
RUN useradd --uid 10001 --create-home --home-dir /var/lib/banyan --shell /usr/sbin/nologin banyan
COPY --from=build /opt/banyan /opt/banyan
RUN ln -s /opt/banyan/dist/src/main.js /usr/local/bin/banyan
USER banyan
WORKDIR /var/lib/banyan
# A folder of its own inside the volume: a state folder holds nothing else, and a fresh file system may have lost+found.
ENV BANYAN_STATE=/var/lib/banyan/state
VOLUME /var/lib/banyan
EXPOSE 4747 8080
# Healthy means that the peer's process answers, and no more. A server that lost its place in the tree goes on serving: to restart
# it would only do harm.
HEALTHCHECK --interval=60s --timeout=15s --start-period=60s CMD ["banyan", "status", "--json"]
ENTRYPOINT ["banyan"]
CMD ["--help"]
