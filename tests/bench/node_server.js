// The peer of node: reads each body to its end and answers 200.
"use strict";
const server = require("http").createServer((request, response) => {
    request.on("data", () => {});
    request.on("end", () => response.end());
});
server.listen(0, "127.0.0.1");
