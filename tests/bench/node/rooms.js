// The other reference: a bare Socket.IO server on Node. What one says is told to everyone in the room, in an event of
// the size the hub's has, and then acked.
import { createServer } from "node:http";
import { Server } from "socket.io";

const filled = {
  conversation: "0123456789abcdef0123456789abcdef", seq: 3, prev: 2, rev: 4, kind: "text", sender: "contact", author: null,
  buttons: [], attachments: [], chosen: null, activity: null, state: "stored", created_at: "2026-01-01T00:00:00.000Z",
  removed: false, public: true, trace: null, page: null, error: null,
};
const http = createServer();
const io = new Server(http, { transports: ["websocket"] });
io.on("connection", (socket) => {
  if (socket.handshake.auth.agent) socket.join("agents");
  socket.on("say", (data, ack) => {
    io.to("agents").emit("message", { ...filled, ...data });
    ack(data);
  });
});
http.listen(Number(process.argv[2]), "127.0.0.1");
