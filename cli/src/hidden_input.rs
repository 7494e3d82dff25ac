//! A line that is typed at a terminal without being shown. However the question ends, also by Ctrl-C, the terminal is then as it was.

#[cfg(unix)]
pub(crate) use at_a_terminal::{put_back, read};

#[cfg(unix)]
mod at_a_terminal {
    use std::fs::{File, OpenOptions};
    use std::io::{self, Read, Write};
    use std::sync::{Mutex, PoisonError};

    use rpassword::{ConfigBuilder, prompt_password_with_config};
    use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

    /// How the terminal was before the question that is being asked.
    static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

    /// What Ctrl-C types while a line is hidden.
    const CTRL_C: u8 = 3;

    /// Asks, and reads the line.
    pub(crate) fn read(prompt: &str) -> io::Result<String> {
        let terminal = terminal()?;
        let typed = Typed(terminal.try_clone()?);
        hide(&terminal)?;
        // With a terminal of its own, rpassword raises the signal of Ctrl-C, which ends most commands, before it puts the modes back.
        let config = ConfigBuilder::new().input_reader(typed).output_writer(terminal).build();
        let line = prompt_password_with_config(prompt, config);
        put_back();
        line
    }

    /// Has the terminal show nothing of what is typed, and give each letter as it comes, Ctrl-C as well.
    fn hide(terminal: &File) -> io::Result<()> {
        let before = tcgetattr(terminal)?;
        let mut hidden = before.clone();
        hidden.local_modes -= LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG;
        hidden.special_codes[SpecialCodeIndex::VMIN] = 1;
        hidden.special_codes[SpecialCodeIndex::VTIME] = 0;
        BEFORE.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(before);
        Ok(tcsetattr(terminal, OptionalActions::Now, &hidden)?)
    }

    /// Makes the terminal what it was, and ends the line of the question. Nothing where no question is being asked.
    pub(crate) fn put_back() {
        let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let (Some(before), Ok(mut terminal)) = (before, terminal()) {
            let _ = tcsetattr(&terminal, OptionalActions::Now, &before);
            let _ = terminal.write_all(b"\n");
        }
    }

    fn terminal() -> io::Result<File> {
        OpenOptions::new().read(true).write(true).open("/dev/tty")
    }

    /// What is typed.
    struct Typed(File);

    impl Read for Typed {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.0.read(buffer)?;
            // The signal comes next.
            if buffer.iter().take(count).any(|byte| *byte == CTRL_C) {
                put_back();
            }
            Ok(count)
        }
    }
}

/// Elsewhere rpassword puts back what it has set.
#[cfg(not(unix))]
pub(crate) fn read(prompt: &str) -> std::io::Result<String> {
    rpassword::prompt_password(prompt)
}

/// See [`read`].
#[cfg(not(unix))]
pub(crate) fn put_back() {}
