# docker build -t jackfield . && docker run --network host --stop-timeout 330 -v jackfield:/srv/jackfield jackfield
#
# The time to stop lets calls end (drain_seconds, 300 by default); Docker's own 10 seconds would cut them off.
# Host networking, because audio uses a wide range of UDP ports, and because phones must see the address that answers.
FROM debian:12 AS build
RUN apt-get update && apt-get install -y --no-install-recommends python3 python3-venv gcc libc6-dev libpython3.11-dev \
    && rm -rf /var/lib/apt/lists/*
COPY pyproject.toml README.md LICENSE THIRD_PARTY.md /src/
COPY src /src/src
# The packet path and the busiest modules are compiled here, so that the image below needs no compiler.
RUN python3 -m venv /opt/jackfield && /opt/jackfield/bin/pip install --no-cache-dir /src \
    && /opt/jackfield/bin/python -c 'from jackfield.media import fastlane; fastlane.build(fastlane.folder())' \
    && python3 -m venv /tmp/compile && /tmp/compile/bin/pip install --no-cache-dir '/src[compile]' \
    && JACKFIELD_LIBRARY_DIR=/opt/jackfield/lib/jackfield /tmp/compile/bin/python -m jackfield.compiling

FROM debian:12
RUN apt-get update && apt-get install -y --no-install-recommends python3 libopus0 libgsm1 libspandsp2 coturn \
        ca-certificates tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --home-dir /srv/jackfield --create-home --shell /usr/sbin/nologin jackfield
COPY --from=build /opt/jackfield /opt/jackfield
USER jackfield
ENV PATH=/opt/jackfield/bin:$PATH JACKFIELD_DATA_DIR=/srv/jackfield PYTHONUNBUFFERED=1
VOLUME /srv/jackfield
EXPOSE 5060/udp 5060/tcp 5061/tcp 8088/tcp 8089/tcp 10000-20000/udp
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["jackfield", "status"]
STOPSIGNAL SIGTERM
CMD ["jackfield", "run"]
