export { createChunker, finalize, nextBlock, getChunks, hashToHex, hexToBytes } from "./xet-chunker.js";
export { xorbHash } from "./xorb-hash.js";
export { fileHash, hmac, verificationHash } from "./hash-utils.js";
export { MerkleHashSubtree, findStableStart, findStableEnd, } from "./merkle-hash-subtree.js";
