// The other reference: a bare Socket.IO server on Node. `say` is told to everyone in the room and then acked.
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const io = new Server(http, { transports: ["websocket"] });
io.on("connection", (socket) => {
  if (socket.handshake.auth.agent) socket.join("agents");
  socket.on("say", (data, ack) => {
    io.to("agents").emit("message", data);
    ack(data);
  });
});
http.listen(Number(process.argv[2]), "127.0.0.1");
