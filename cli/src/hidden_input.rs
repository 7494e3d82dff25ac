//! A line that is typed at a terminal without being shown. However the question ends, also by Ctrl-C or SIGTERM, the terminal is then as
//! it was.

#[cfg(unix)]
pub(crate) use at_a_terminal::{leave_signals, put_back, read};

#[cfg(unix)]
mod at_a_terminal {
    use std::fs::{File, OpenOptions};
    use std::io::{self, Read, Write};
    use std::process::exit;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Mutex, Once, PoisonError};

    use rpassword::{ConfigBuilder, prompt_password_with_config};
    use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
    use tokio::runtime::Handle;
    use tokio::signal::unix::{SignalKind, signal};

    /// How the terminal was before the question that is being asked.
    static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

    /// Whether the command does itself what a signal asks for. The terminal is put back as it ends.
    static IS_LEFT_TO_COMMAND: AtomicBool = AtomicBool::new(false);

    /// Signals are waited for from the first question on: once they are caught, they end the process by themselves no more.
    static WATCH: Once = Once::new();

    /// The exit codes after SIGINT and SIGTERM, as shells have them.
    const INTERRUPTED: i32 = 130;
    const TERMINATED: i32 = 143;

    /// What Ctrl-C types while a line is hidden.
    const CTRL_C: u8 = 3;

    /// Asks, and reads the line.
    pub(crate) fn read(prompt: &str) -> io::Result<String> {
        let terminal = terminal()?;
        let typed = Typed(terminal.try_clone()?);
        end_by_signals();
        hide(&terminal)?;
        // With a terminal of its own, rpassword raises the signal of Ctrl-C, which ends most commands, before it puts the modes back.
        let config = ConfigBuilder::new().input_reader(typed).output_writer(terminal).build();
        let line = prompt_password_with_config(prompt, config);
        put_back();
        line
    }

    /// From now on, the command decides what a signal ends.
    pub(crate) fn leave_signals() {
        IS_LEFT_TO_COMMAND.store(true, Ordering::Relaxed);
    }

    /// Has SIGINT and SIGTERM put the terminal back before they end the process. One that cannot be caught is left to the system.
    fn end_by_signals() {
        let Ok(runtime) = Handle::try_current() else { return };
        WATCH.call_once(|| {
            for (kind, code) in
                [(SignalKind::interrupt(), INTERRUPTED), (SignalKind::terminate(), TERMINATED)]
            {
                let Ok(mut caught) = signal(kind) else { continue };
                runtime.spawn(async move {
                    while caught.recv().await.is_some() {
                        if !IS_LEFT_TO_COMMAND.load(Ordering::Relaxed) {
                            put_back();
                            exit(code);
                        }
                    }
                });
            }
        });
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
