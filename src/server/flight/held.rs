//! A writer that holds frames back until they fill a segment: HTTP/2 writes each by itself, of 16 KiB to a client that asks
//! for no larger ones, and a call of the system costs more than copying so much.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes held at most, 128 KiB: two segments, and less than a second cache.
const HELD_BYTES_MAX: usize = 128 << 10;
/// From so many bytes on a frame is written from where it lies, 64 KiB.
const DIRECT_BYTES_MIN: usize = 64 << 10;
/// Less than this, 8 KiB, is no frame after which others follow at once: a flush after it is one.
const FRAME_BYTES_MIN: usize = 8 << 10;

/// Holds back what is written to `inner`.
///
/// HTTP/2 flushes after each frame of data, and once more when there is none left. So the first flush after such a
/// frame waits for the next one, and any other writes what is held.
#[derive(Debug)]
pub struct Held<W> {
    inner: W,
    bytes: Vec<u8>,
    /// How many of the bytes are written.
    written: usize,
    /// Whether a frame was the last that was written, and is not flushed.
    has_frame: bool,
    /// Whether of a frame that is written from where it lies some is left.
    is_partial: bool,
}

impl<W: AsyncWrite + Unpin> Held<W> {
    pub fn new(inner: W) -> Self {
        Self {
            inner,
            bytes: Vec::new(),
            written: 0,
            has_frame: false,
            is_partial: false,
        }
    }

    /// Writes what is held.
    fn poll_held(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.bytes.len() {
            let left = &self.bytes[self.written..];
            match ready!(Pin::new(&mut self.inner).poll_write(context, left))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.written += written,
            }
        }
        self.bytes.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Held<W> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length = parts.iter().map(|part| part.len()).sum();
        self.has_frame = length >= FRAME_BYTES_MIN;
        let is_direct = length >= DIRECT_BYTES_MIN || self.is_partial;
        if is_direct || self.bytes.len() + length > HELD_BYTES_MAX {
            ready!(self.poll_held(context))?;
        }
        if is_direct {
            let written = ready!(Pin::new(&mut self.inner).poll_write_vectored(context, parts))?;
            self.is_partial = written < length;
            return Poll::Ready(Ok(written));
        }
        for part in parts {
            self.bytes.extend_from_slice(part);
        }
        Poll::Ready(Ok(length))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if std::mem::take(&mut self.has_frame) {
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_held(context))?;
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_held(context))?;
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

impl<W: AsyncRead + Unpin> AsyncRead for Held<W> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    /// What has come to the other side of a pipe with room for `room` bytes after each step, written as HTTP/2 does.
    async fn arrived(room: usize, steps: &[Step]) -> Vec<usize> {
        let (near, mut far) = duplex(room);
        let mut held = Held::new(near);
        let (mut arrived, mut expected, mut came) = (Vec::new(), Vec::new(), Vec::new());
        for step in steps {
            match *step {
                Step::Write(length) => {
                    let bytes = vec![expected.len() as u8; length];
                    expected.extend_from_slice(&bytes);
                    held.write_all(&bytes).await.unwrap();
                }
                Step::Flush => held.flush().await.unwrap(),
            }
            let mut some = vec![0; room];
            // What has come is there at once.
            while let Ok(read) =
                tokio::time::timeout(std::time::Duration::ZERO, far.read(&mut some)).await
            {
                came.extend_from_slice(&some[..read.unwrap()]);
            }
            arrived.push(came.len());
        }
        held.shutdown().await.unwrap();
        far.read_to_end(&mut came).await.unwrap();
        assert_eq!(came, expected);
        arrived
    }

    enum Step {
        Write(usize),
        Flush,
    }
    use Step::{Flush, Write};

    const FRAME: usize = 16_393;

    #[tokio::test]
    async fn frames_wait_for_each_other_until_nothing_follows() {
        let steps = [Write(FRAME), Flush, Write(FRAME), Flush, Flush];
        assert_eq!(arrived(1 << 20, &steps).await, [0, 0, 0, 0, 2 * FRAME]);
        // What is no frame takes what is held with it.
        let steps = [Write(FRAME), Flush, Write(40), Flush];
        assert_eq!(arrived(1 << 20, &steps).await, [0, 0, 0, FRAME + 40]);
        let steps = [Write(40), Flush];
        assert_eq!(arrived(1 << 20, &steps).await, [0, 40]);
        let steps = [Write(FRAME), Write(40), Flush];
        assert_eq!(arrived(1 << 20, &steps).await, [0, 0, FRAME + 40]);
    }

    #[tokio::test]
    async fn what_fills_a_segment_is_written_and_what_is_as_large_from_where_it_lies() {
        let steps: Vec<_> = (0..9).flat_map(|_| [Write(FRAME), Flush]).collect();
        let most = HELD_BYTES_MAX / FRAME * FRAME;
        let came = arrived(1 << 20, &steps).await;
        assert_eq!(came[..2 * (most / FRAME)], vec![0; 2 * (most / FRAME)]);
        assert_eq!(came.last(), Some(&most));
        let steps = [Write(FRAME), Flush, Write(DIRECT_BYTES_MIN)];
        let came = arrived(1 << 20, &steps).await;
        assert_eq!(came, [0, 0, FRAME + DIRECT_BYTES_MIN]);
    }

    #[tokio::test]
    async fn the_rest_of_what_is_written_from_where_it_lies_is_too() {
        let (near, mut far) = duplex(DIRECT_BYTES_MIN);
        let mut held = Held::new(near);
        let frame = vec![1; DIRECT_BYTES_MIN + FRAME];
        let written = held.write(&frame).await.unwrap();
        assert_eq!(written, DIRECT_BYTES_MIN);
        let mut came = vec![0; DIRECT_BYTES_MIN];
        far.read_exact(&mut came).await.unwrap();
        assert_eq!(held.write(&frame[written..]).await.unwrap(), FRAME);
        far.read_exact(&mut came[..FRAME]).await.unwrap();
        // The next frame waits again.
        let steps = [FRAME, FRAME].map(|length| vec![2; length]);
        for frame in &steps {
            held.write_all(frame).await.unwrap();
        }
        assert_eq!(held.bytes.len(), 2 * FRAME);
    }
}
